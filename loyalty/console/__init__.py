"""The shell of the screens: home, search, member page, jobs."""
