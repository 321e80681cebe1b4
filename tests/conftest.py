from hypothesis import settings

# A slow moment of a shared machine is no failure of the code under test.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
