"""The database: schema and the only SQL. Knows no hub's wire format and no meaning of a country."""
