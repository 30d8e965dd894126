"""Azure Storage: reports and dead letters in blobs, notifications in a queue."""
