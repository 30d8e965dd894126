"""The stores on Cosmos DB, through the asynchronous SDK."""
