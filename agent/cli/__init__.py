"""The commands of `netfold`, one file each."""
