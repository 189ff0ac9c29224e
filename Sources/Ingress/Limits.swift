/// What the ingress may cost; a relationship that must hold is asserted where the controller starts.
enum IngressLimits {
  /// Routes in one nginx configuration; those beyond, in the order of their names, are refused.
  static let routes: Int = 1_000
  static let hostsPerService: Int = 16
  /// Endpoints of one route.
  static let upstreams: Int = 500
  /// Changes are gathered this long before nginx is told: a rolling update changes slices many times a second.
  static let settle: Duration = .milliseconds(200)
  /// After nginx refused a configuration or could not be reached, until the next try if nothing changes.
  static let retry: Duration = .seconds(5)
  static let nginxSeconds: Duration = .seconds(10)
}
