import KubeModel
import Primitives

public enum ProbeKind: String, Hashable, Sendable, CaseIterable {
  case startup, readiness, liveness
  /// As events say it: `Readiness probe failed: …`.
  public var title: String {
    switch self {
    case .startup: "Startup"
    case .readiness: "Readiness"
    case .liveness: "Liveness"
    }
  }
}

/// What a probe or a lifecycle hook does.
public enum ProbeAction: Hashable, Sendable {
  case exec([String])
  /// `host` empty: the pod's own address. `port` is resolved already.
  case http(scheme: String, host: String, port: Int, path: String, headers: [Header])
  case tcp(host: String, port: Int)
  /// gRPC health checking (grpc.health.v1).
  case grpc(port: Int, service: String)
  /// Lifecycle hooks only.
  case sleep(Duration)
  /// Something else, or a port name that no container port has: the sentence says which.
  case unusable(String)

  public struct Header: Hashable, Sendable {
    public var name: String
    public var value: String
    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// Reads the handler fields of a probe or hook; `ports` are the container's named ports.
  public init(_ json: JSONValue, ports: [String: Int]) {
    func port(_ value: JSONValue) -> Int? {
      if let number: Int64 = value.int, (1...65_535).contains(number) { return Int(number) }
      return value.string.flatMap { ports[$0] ?? Int($0) }
    }
    if json["exec"].object != nil {
      self = .exec(json["exec"]["command"].array.compactMap(\.string))
    } else if json["httpGet"].object != nil {
      let get: JSONValue = json["httpGet"]
      guard let number: Int = port(get["port"]) else {
        self = .unusable("httpGet's port is neither a number from 1 to 65535 nor the name of one of the container's ports")
        return
      }
      let path: String = get["path"].string ?? "/"
      self = .http(
        scheme: get["scheme"].string ?? "HTTP", host: get["host"].string ?? "", port: number, path: path.hasPrefix("/") ? path : "/" + path,
        headers: get["httpHeaders"].array.map { Header(name: $0["name"].string ?? "", value: $0["value"].string ?? "") })
    } else if json["tcpSocket"].object != nil {
      guard let number: Int = port(json["tcpSocket"]["port"]) else {
        self = .unusable("tcpSocket's port is neither a number from 1 to 65535 nor the name of one of the container's ports")
        return
      }
      self = .tcp(host: json["tcpSocket"]["host"].string ?? "", port: number)
    } else if json["grpc"].object != nil {
      self = .grpc(port: Int(json["grpc"]["port"].int ?? 0), service: json["grpc"]["service"].string ?? "")
    } else if json["sleep"].object != nil {
      self = .sleep(.seconds(json["sleep"]["seconds"].int ?? 0))
    } else {
      self = .unusable("it has none of exec, httpGet, tcpSocket, grpc")
    }
  }
}

/// One probe with its thresholds (k8s: Probe v1 core).
public struct ProbeBlueprint: Hashable, Sendable {
  public var kind: ProbeKind
  public var action: ProbeAction
  public var initialDelay: Duration
  public var timeout: Duration
  public var period: Duration
  public var successThreshold: Int
  public var failureThreshold: Int
  /// The probe's own grace for the kill that it causes (liveness, startup).
  public var grace: Duration?

  public init(kind: ProbeKind, _ json: JSONValue, ports: [String: Int]) {
    self.kind = kind
    action = ProbeAction(json, ports: ports)
    initialDelay = .seconds(max(0, json["initialDelaySeconds"].int ?? 0))
    timeout = .seconds(max(1, json["timeoutSeconds"].int ?? 1))
    period = .seconds(max(1, json["periodSeconds"].int ?? 10))
    // Liveness and startup must have 1 (k8s validation).
    successThreshold = kind == .readiness ? max(1, Int(json["successThreshold"].int ?? 1)) : 1
    failureThreshold = max(1, Int(json["failureThreshold"].int ?? 3))
    grace = json["terminationGracePeriodSeconds"].int.map { .seconds($0) }
  }
}
