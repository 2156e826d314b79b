"""The admin API over HTTP: its addresses, and the streams that tell what moves."""
