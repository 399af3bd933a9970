"""Nagios, Icinga and Kubernetes check of the job queues of Hyper3D Rodin."""

__version__ = "1.1.0"
