"""The compiled event loop of the simulation. Importing its modules imports numba."""
