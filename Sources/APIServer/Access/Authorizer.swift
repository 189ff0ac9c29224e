/// Who may do what: a list of grants as a value. First match allows; no match forbids. There is no deny rule, as in RBAC.
public struct Authorizer: Sendable {
  public struct Attributes: Sendable {
    public var user: UserInfo
    public var verb: String
    /// Empty for paths that are no resources.
    public var resource: String
    public var group: String
    public var subresource: String
    public var namespace: String
    public var name: String
    public var path: String
  }

  /// One kind of access, in RBAC's terms (https://kubernetes.io/docs/reference/access-authn-authz/rbac/). `*` stands for all.
  public struct Rule: Sendable {
    public enum Names: Sendable {
      case any
      /// Only objects with the name of the node that asks (`system:node:NAME`).
      case ownNode
      /// Only pods that are bound to the node that asks: decided by who knows the pods.
      case podsOfNode
      case only([String])
    }
    public var verbs: [String]
    public var groups: [String]
    /// `pods`, `pods/status`, `*`, `*/status`.
    public var resources: [String]
    public var namespaces: [String]
    public var names: Names
    /// Paths that are no resources; `*` at the end matches every rest.
    public var paths: [String]

    public init(
      _ verbs: [String], groups: [String] = [], resources: [String] = [], namespaces: [String] = ["*"], names: Names = .any,
      paths: [String] = []
    ) {
      self.verbs = verbs
      self.groups = groups
      self.resources = resources
      self.namespaces = namespaces
      self.names = names
      self.paths = paths
    }
  }

  public enum Subject: Sendable {
    case user(String)
    case userPrefix(String)
    case group(String)
  }

  public struct Grant: Sendable {
    public var subject: Subject
    public var rules: [Rule]
    public init(_ subject: Subject, _ rules: [Rule]) {
      self.subject = subject
      self.rules = rules
    }
  }

  public enum Decision: Hashable, Sendable {
    case allowed
    /// Allowed if the pod named in the request is bound to this node.
    case allowedForPodsOf(node: String)
    case forbidden
  }

  public var grants: [Grant]
  public init(grants: [Grant]) { self.grants = grants }

  public func decide(_ asked: Attributes) -> Decision {
    var conditional: Decision?
    for grant in grants where grant.subject.matches(asked.user) {
      for rule in grant.rules where rule.covers(asked) {
        switch rule.names {
        case .any: return .allowed
        case .only(let names): if names.contains(asked.name) { return .allowed }
        case .ownNode:
          // A creation names its object in the body; the handlers check it against the certificate again.
          if let node: String = asked.user.nodeName, asked.name == node || (asked.verb == "create" && asked.name.isEmpty) {
            return .allowed
          }
        case .podsOfNode: if let node: String = asked.user.nodeName { conditional = .allowedForPodsOf(node: node) }
        }
      }
    }
    return conditional ?? .forbidden
  }
}

extension UserInfo {
  /// The node this user is the kubelet of.
  public var nodeName: String? {
    guard groups.contains("system:nodes"), name.hasPrefix("system:node:") else { return nil }
    return String(name.dropFirst("system:node:".count))
  }
}

extension Authorizer.Subject {
  func matches(_ user: UserInfo) -> Bool {
    switch self {
    case .user(let name): user.name == name
    case .userPrefix(let prefix): user.name.hasPrefix(prefix)
    case .group(let name): user.groups.contains(name)
    }
  }
}

extension Authorizer.Rule {
  func covers(_ asked: Authorizer.Attributes) -> Bool {
    guard verbs.contains("*") || verbs.contains(asked.verb) else { return false }
    guard !asked.resource.isEmpty else {
      return paths.contains { $0.hasSuffix("*") ? asked.path.hasPrefix($0.dropLast()) : asked.path == $0 }
    }
    guard groups.contains("*") || groups.contains(asked.group) else { return false }
    guard namespaces.contains("*") || namespaces.contains(asked.namespace) else { return false }
    let full: String = asked.subresource.isEmpty ? asked.resource : "\(asked.resource)/\(asked.subresource)"
    return resources.contains { $0 == "*" || $0 == full || ($0.hasPrefix("*/") && $0.dropFirst(2) == asked.subresource) }
  }
}
