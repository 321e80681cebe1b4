"""One module per schema version; what was released is never changed."""
