"""The files that servers under measurement are started with; what stands in braces is filled in."""

from __future__ import annotations

NGINX = """
worker_processes 1;
daemon off;
pid {directory}/{name}.pid;
error_log {directory}/{name}.error crit;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  upstream mock {{ server 127.0.0.1:{mock}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
{more}
    keepalive_requests 100000000;
    location / {{
      proxy_pass http://mock;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }}
  }}
}}
"""

GATEWAY = """
[server]
host = "127.0.0.1"
port = {port}
state = "{directory}/{name}"
drain_delay = 0

[upstreams.main]
kind = "anthropic"
base_urls = ["{upstream}"]
api_key = "env:BENCH_KEY"

[keys.bench]
secret = "env:BENCH_KEY"
"""

#: What nginx has to be told besides, to serve TLS as well.
NGINX_TLS = """
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate {directory}/chain.pem;
    ssl_certificate_key {directory}/key.pem;
"""
