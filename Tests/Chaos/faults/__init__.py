"""What is done to the stack. A fault is a function that returns when it is over."""

from faults import clocks, logs, names, postgres, programs, redis, restore
from faults.fault import FAULTS
