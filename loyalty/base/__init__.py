"""Clock, points and money arithmetic, errors, strict JSON, jobs with progress."""
