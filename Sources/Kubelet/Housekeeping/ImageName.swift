/// One image's name in full, so that two spellings of it compare equal: `nginx` is `docker.io/library/nginx:latest`.
enum ImageName {
  static func full(_ name: String) -> String {
    if name.hasPrefix("sha256:") { return name }
    let place: String = RegistryCredentials.registry(of: name)
    if let at: String.Index = name.firstIndex(of: "@") { return place + name[at...] }
    guard let colon: String.Index = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return place + ":latest" }
    return place + name[colon...]
  }
}
