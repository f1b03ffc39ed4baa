"""The trading side: orders are sent once, protected as they fill, rolled back if need be, resumed after a crash."""
