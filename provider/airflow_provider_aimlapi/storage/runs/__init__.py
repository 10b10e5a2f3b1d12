"""The objects of a run's folder: journal, leases, progress, plan, manifest. Decides nothing."""
