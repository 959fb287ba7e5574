"""Is the budget of memory kept: under each attack in a cgroup with a hard limit, and in a week."""
