import KubeModel

extension Admission {
  /// Who began a run and who decided about a step is what this server authenticated, whatever the object says: an approval of several
  /// people is worth what their names are worth. (A CertificateSigningRequest of Kubernetes carries its user in the same way.)
  func signDecision(_ resource: Resource, _ object: inout KubeObject, user: UserInfo) {
    switch resource.name {
    case .runbookApprovals:
      object.json["spec"]["user"] = .string(user.name)
      object.json["spec"]["groups"] = .array(user.groups.map { .string($0) })
    case .runbookRuns: object.json["spec"]["requestedBy"] = .string(user.name)
    default: break
    }
  }
}
