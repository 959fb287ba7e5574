"""`resolver install`: a service of this machine, the machine pointed at it, and all of it undone.

What is to be done is planned by pure functions (`owners`, `nsswitch`, `unit`, `plan`) from what
`looking` has seen; `steps` do it, each with its opposite; `journal` remembers what was there.
"""
