"""The screens of rewards: catalogue, stock and codes, what members took, and the queue of what is to be sent."""
