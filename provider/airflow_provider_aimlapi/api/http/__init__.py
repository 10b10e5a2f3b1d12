"""One HTTP exchange: connections, proxies, headers and bodies. Reads no completion."""
