"""Can this student model replace this teacher in production?"""
