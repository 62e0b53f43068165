"""Sources of earnings dates: Yahoo's calendar behind the database, and recorded files."""
