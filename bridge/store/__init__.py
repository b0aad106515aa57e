"""The database: tables, transactions, and one module per group of rows."""
