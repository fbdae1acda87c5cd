"""The daemon: when to poll, roll up, report, back up and tell. Knows schedules and signals; knows no figure and no SQL.

`due` decides when, `jobs` runs lanes of jobs, `duties` says what the jobs are, `serve` answers who watches, `notify`
tells systemd, `run` joins them in a process. Nothing is imported here: `collector status` asks `due` alone.
"""
