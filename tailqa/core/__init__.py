"""The types that travel between the rooms, the ports and the errors; standard library only."""
