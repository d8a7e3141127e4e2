"""What every program needs: failures, names in SQL, secrets, settings, progress, threads, how a command is spelled."""
