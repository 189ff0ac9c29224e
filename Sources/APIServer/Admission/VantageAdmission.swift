import KubeModel

extension Admission {
  static let vantageGroup = "tricenter:vantages"

  /// A report is a vote: a probe on the branch side has one, under its own name, and none in a host's.
  func checkVantage(_ resource: Resource, _ object: KubeObject, user: UserInfo) throws {
    guard user.groups.contains(Self.vantageGroup), !user.groups.contains("system:masters") else { return }
    guard object.name == user.name else {
      throw KubeStatus.forbidden(
        resource.name, name: object.name, "vantage \"\(user.name)\" reports as \"\(user.name)\" and under no other name")
    }
    guard object.spec["kind"].string == "branch" else {
      throw KubeStatus.forbidden(
        resource.name, name: object.name, "vantage \"\(user.name)\" stands on the branch side (spec.kind: branch), it is no host")
    }
  }
}
