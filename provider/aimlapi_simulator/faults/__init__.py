"""Which faults there are, and which one strikes a request. Changes no answer."""
