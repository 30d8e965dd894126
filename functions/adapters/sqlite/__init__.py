"""The stores on one SQLite file: the whole product on one machine, with the behaviour of the cloud's stores."""
