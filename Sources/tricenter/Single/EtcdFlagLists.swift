/// Flags of etcd 3.4 to 3.6 that are not carried out, and how they are met (`server/etcdmain/help.go`). What is in none of the lists is no
/// flag of etcd's.
extension EtcdFlags {
  /// May be given as long as they ask for what happens anyway.
  static let fixed: [String: Set<String>] = [
    "strict-reconfig-check": ["true"], "pre-vote": ["true"], "enable-v2": ["false"], "enable-pprof": ["false"],
    "force-new-cluster": ["false"], "enable-grpc-gateway": ["true"], "logger": ["zap"],
    "log-outputs": ["default", "stderr"], "log-format": ["console"], "proxy": ["off"], "metrics": ["basic"], "cors": ["*"],
    "host-whitelist": ["*"], "tls-min-version": ["TLS1.2", "TLS1.3"], "tls-max-version": ["", "TLS1.3"],
    "v2-deprecation": ["write-only", "write-only-drop-data", "gone", "not-yet"], "unsafe-no-fsync": ["false"],
    "socket-reuse-port": ["false"], "enable-log-rotation": ["false"], "discovery-fallback": ["exit", "proxy"],
    "memory-mlock": ["false"], "experimental-memory-mlock": ["false"], "enable-distributed-tracing": ["false"],
    "experimental-enable-distributed-tracing": ["false"], "experimental-enable-v2v3": [""],
    "experimental-enable-lease-checkpoint": ["true", "false"], "experimental-enable-lease-checkpoint-persist": ["true", "false"],
    "peer-skip-client-san-verification": ["false"], "experimental-peer-skip-client-san-verification": ["false"],
    "experimental-stop-grpc-service-on-defrag": ["false"], "corrupt-check-time": ["0s", "0"],
    "experimental-corrupt-check-time": ["0s", "0"], "experimental-initial-corrupt-check": ["false"], "feature-gates": [""],
  ]

  /// Taken, and said in the log to change nothing: they tune parts that etcd has and this store has not.
  static let tolerated: [String: String] = {
    var all: [String: String] = [:]
    func add(_ reason: String, _ names: String...) { for name in names { all[name] = reason } }
    add("the journal keeps what it needs", "max-snapshots", "max-wals")
    add(
      "there is no bbolt", "backend-bbolt-freelist-type", "backend-batch-interval", "backend-batch-limit",
      "experimental-txn-mode-write-with-shared-buffer", "bootstrap-defrag-threshold-megabytes",
      "experimental-bootstrap-defrag-threshold-megabytes")
    add(
      "compaction is not done in batches", "compaction-batch-limit", "compaction-sleep-interval", "experimental-compaction-batch-limit",
      "experimental-compaction-sleep-interval")
    add("elections do not skip ticks", "initial-election-tick-advance")
    add("passwords are hashed with scrypt", "bcrypt-cost")
    add("links between members have limits of their own", "raft-read-timeout", "raft-write-timeout")
    add("connections have keep-alives of their own", "grpc-keepalive-min-time", "grpc-keepalive-interval", "grpc-keepalive-timeout")
    add("streams have a limit of their own", "max-concurrent-streams")
    add("listeners always reuse addresses", "socket-reuse-address")
    add("logs are never rotated here", "log-rotation-config-json")
    add(
      "slow requests are counted in /metrics", "warning-apply-duration", "warning-unary-request-duration",
      "experimental-warning-apply-duration", "experimental-warning-unary-request-duration")
    add("there are no downgrades to watch", "downgrade-check-time", "experimental-downgrade-check-time")
    add(
      "compactions are the same command in every member's log; `tricenter store hashkv` compares them", "compact-hash-check-enabled",
      "compact-hash-check-time", "experimental-compact-hash-check-enabled", "experimental-compact-hash-check-time")
    add(
      "there is no v2 proxy", "proxy-failure-wait", "proxy-refresh-interval", "proxy-dial-timeout", "proxy-write-timeout",
      "proxy-read-timeout")
    return all
  }()

  /// With the reason, and where there is one the way that leads there.
  static let refused: [String: String] = {
    var all: [String: String] = [:]
    func add(_ reason: String, _ names: String...) { for name in names { all[name] = reason } }
    add("the journal and its snapshots lie in one folder, --data-dir", "wal-dir")
    add("HTTP and gRPC share the URLs of --listen-client-urls", "listen-client-http-urls")
    add(
      "clusters are static, or joined with --initial-cluster-state existing", "discovery", "discovery-proxy", "discovery-srv",
      "discovery-srv-name", "discovery-token", "discovery-endpoints", "discovery-dial-timeout", "discovery-request-timeout",
      "discovery-keepalive-time", "discovery-keepalive-timeout", "discovery-insecure-transport", "discovery-insecure-skip-tls-verify",
      "discovery-cert", "discovery-key", "discovery-cacert", "discovery-user", "discovery-password")
    add(
      "members show one certificate to clients and peers alike", "client-cert-file", "client-key-file", "peer-client-cert-file",
      "peer-client-key-file")
    add("revocation lists are not read; certificates live short and rotate", "client-crl-file", "peer-crl-file")
    add(
      "peers are known by the URI in their certificates (`tricenter pki`)", "peer-cert-allowed-cn", "peer-cert-allowed-hostname",
      "client-cert-allowed-hostname")
    add("the system's OpenSSL chooses by its own policy", "cipher-suites")
    add("peers are dialled from any address", "local-address", "set-member-localaddr")
    add(
      "there is no tracing", "distributed-tracing-address", "distributed-tracing-service-name", "distributed-tracing-instance-id",
      "distributed-tracing-sampling-rate", "experimental-distributed-tracing-address", "experimental-distributed-tracing-service-name",
      "experimental-distributed-tracing-instance-id", "experimental-distributed-tracing-sampling-rate")
    return all
  }()

  static let switches: Set<String> = [
    "client-cert-auth", "peer-client-cert-auth", "strict-reconfig-check", "pre-vote", "enable-v2", "enable-pprof", "auto-tls",
    "peer-auto-tls", "force-new-cluster", "enable-grpc-gateway", "unsafe-no-fsync", "socket-reuse-port", "socket-reuse-address",
    "enable-log-rotation", "memory-mlock", "experimental-memory-mlock", "initial-election-tick-advance", "enable-distributed-tracing",
    "experimental-enable-distributed-tracing", "experimental-initial-corrupt-check", "compact-hash-check-enabled",
    "experimental-compact-hash-check-enabled", "experimental-enable-lease-checkpoint", "experimental-enable-lease-checkpoint-persist",
    "peer-skip-client-san-verification", "experimental-peer-skip-client-san-verification", "experimental-stop-grpc-service-on-defrag",
    "experimental-txn-mode-write-with-shared-buffer", "discovery-insecure-transport", "discovery-insecure-skip-tls-verify",
    "set-member-localaddr",
  ]

  static func isFlag(_ name: String) -> Bool {
    known[name] != nil || ours[name] != nil || aliases[name] != nil || fixed[name] != nil || tolerated[name] != nil || refused[name] != nil
  }
}
