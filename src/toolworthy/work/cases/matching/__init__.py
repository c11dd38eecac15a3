"""Whether what a model wrote in a call comes to what was wanted. Pure: nothing is run, read or written."""
