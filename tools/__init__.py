"""Commands for those who build the resolver; none of them is installed with it."""
