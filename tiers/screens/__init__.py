"""The screens of tiers, below /console/tiers/: thin edges over the functions that the API and files call too."""
