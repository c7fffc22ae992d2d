"""What is done to the stack. A fault is a function that returns when it is over."""

from faults import clocks, postgres, programs, redis
from faults.fault import FAULTS
