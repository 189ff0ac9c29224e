/// nginx's whole configuration file. The same routes give the same bytes, so that a file that stays equal needs no reload.
/// https://nginx.org/en/docs/http/ngx_http_proxy_module.html
public struct NginxConfiguration: Hashable, Sendable {
  /// `80`, `10.71.0.11:80`, `[::]:80`.
  public var listen: [String]
  /// Where nginx keeps its process id, log and temporary files; absolute, without white space, quotes or semicolons.
  public var folder: String
  public var workers: Int = 2

  public init(listen: [String], folder: String) {
    self.listen = listen
    self.folder = folder
  }

  public var file: String { "\(folder)/nginx.conf" }
  var candidateFile: String { "\(folder)/nginx.conf.candidate" }
  var processFile: String { "\(folder)/nginx.pid" }

  /// Routes must come from a `RouteTable`, which lets nothing into a name or an address that nginx could read as a directive.
  public func render(_ routes: [IngressRoute]) -> String {
    var text: String = head
    var written: Set<String> = []
    for route in routes where !route.upstreams.isEmpty && written.insert(route.upstreamName).inserted {
      text += "\n  upstream \(route.upstreamName) {\n"
      for upstream in route.upstreams { text += "    server \(upstream.text) max_fails=1 fail_timeout=1s;\n" }
      text += "    keepalive 16;\n  }\n"
    }
    text += "\n  server {\n"
    for address in listen { text += "    listen \(address) default_server;\n" }
    text += "    server_name _;\n    location / { return 404 \"No Service answers to this host name.\\n\"; }\n  }\n"
    for route in routes { text += server(route) }
    return text + "}\n"
  }

  private var head: String {
    """
    # Written by tricenter from Services with the annotation \(RouteTable.hostAnnotation), and again at every change.
    worker_processes \(workers);
    pid \(processFile);
    error_log \(folder)/error.log warn;
    events { worker_connections 4096; }
    http {
      access_log off;
      server_tokens off;
      default_type text/plain;
      server_names_hash_bucket_size 256;
      client_body_temp_path \(folder)/body;
      proxy_temp_path \(folder)/proxy;
      fastcgi_temp_path \(folder)/fastcgi;
      uwsgi_temp_path \(folder)/uwsgi;
      scgi_temp_path \(folder)/scgi;
      map $http_upgrade $upstream_connection { default upgrade; '' ''; }

    """
  }

  /// A request is tried on the next endpoint only if it did not reach the first one, or may be repeated (nginx leaves POST alone).
  private func server(_ route: IngressRoute) -> String {
    var text: String = "\n  # \(route.namespace)/\(route.service)\n  server {\n"
    for address in listen { text += "    listen \(address);\n" }
    text += "    server_name \(route.host);\n"
    if route.upstreams.isEmpty {
      text += "    location / { return 503 \"\(route.host) has no ready endpoint.\\n\"; }\n  }\n"
      return text
    }
    text += """
          location / {
            proxy_pass http://\(route.upstreamName);
            proxy_http_version 1.1;
            proxy_connect_timeout 1s;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 3;
            proxy_set_header Host $host;
            proxy_set_header X-Real-IP $remote_addr;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $upstream_connection;
          }
        }

      """
    return text
  }
}
