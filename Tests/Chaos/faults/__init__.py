"""What is done to the stack. A fault is a function that returns when it is over."""

from faults import clocks, logs, names, postgres, programs, redis, restore, snapshot
from faults.fault import FAULTS
