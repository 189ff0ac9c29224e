import HTTP
import KubeModel

extension ImageFacts {
  /// `Image`.
  init(cri reader: ProtobufReader) throws {
    var reader: ProtobufReader = reader
    self.init(id: "", names: [], sizeBytes: 0)
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1: id = try reader.string(field)
      case 2, 3: names.append(try reader.string(field))
      case 4: sizeBytes = try reader.uint64(field)
      case 5:
        // Int64Value: an empty message is the number 0.
        var value: ProtobufReader = try reader.message(field)
        userID = 0
        while let part: ProtobufReader.Field = try value.next() {
          if part.number == 1 { userID = try value.int64(part) } else { try value.skip(part) }
        }
      case 6: userName = try reader.string(field)
      case 8: pinned = try reader.bool(field)
      default: try reader.skip(field)
      }
    }
  }
}

/// Answers that are a wrapper around one thing.
enum CRIRead {
  /// Field 1 as text; empty where it is missing.
  static func firstString(_ reader: ProtobufReader) throws -> String {
    var reader: ProtobufReader = reader
    var text: String = ""
    while let field: ProtobufReader.Field = try reader.next() {
      if field.number == 1 { text = try reader.string(field) } else { try reader.skip(field) }
    }
    return text
  }
  /// Every field 1 as a message.
  static func messages<Value>(_ reader: ProtobufReader, _ read: (ProtobufReader) throws -> Value) throws -> [Value] {
    var reader: ProtobufReader = reader
    var values: [Value] = []
    while let field: ProtobufReader.Field = try reader.next() {
      if field.number == 1 { values.append(try read(try reader.message(field))) } else { try reader.skip(field) }
    }
    return values
  }

  /// `ExecSyncResponse`.
  static func execResult(_ reader: ProtobufReader) throws -> ExecResult {
    var reader: ProtobufReader = reader
    var output: String = ""
    var code: Int32 = 0
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 1, 2: output += try reader.bytes(field).text
      case 3: code = try reader.int32(field)
      default: try reader.skip(field)
      }
    }
    return ExecResult(exitCode: code, output: output)
  }

  /// `ContainerStatsResponse` {1 stats {4 writable_layer {3 used_bytes {1 value}}}}; 0 where a part is missing.
  static func writableBytes(_ reader: ProtobufReader) throws -> Int64 {
    var reader: ProtobufReader = reader
    for wanted in [1, 4, 3] {
      var inner: ProtobufReader?
      while let field: ProtobufReader.Field = try reader.next() {
        if field.number == wanted { inner = try reader.message(field) } else { try reader.skip(field) }
      }
      guard let inner else { return 0 }
      reader = inner
    }
    while let field: ProtobufReader.Field = try reader.next() {
      if field.number == 1 { return Int64(clamping: try reader.uint64(field)) }
      try reader.skip(field)
    }
    return 0
  }

  /// `ImageFsInfoResponse` {1 image_filesystems {2 fs_id {1 mountpoint}}}: the first.
  static func imageMountpoint(_ reader: ProtobufReader) throws -> String {
    for var system in try messages(reader, { $0 }) {
      while let field: ProtobufReader.Field = try system.next() {
        if field.number == 2 { return try firstString(try system.message(field)) }
        try system.skip(field)
      }
    }
    return ""
  }

  /// Verbose `StatusResponse`: containerd's `config` in field 2 is its configuration as JSON.
  static func sandboxImage(_ reader: ProtobufReader) throws -> String? {
    var reader: ProtobufReader = reader
    var info: [String: String] = [:]
    while let field: ProtobufReader.Field = try reader.next() {
      if field.number == 2 { try reader.mapEntry(field, into: &info) } else { try reader.skip(field) }
    }
    return info["config"].flatMap { try? JSONValue.parse($0) }?["sandboxImage"].string
  }

  /// `StatusResponse`: the conditions RuntimeReady and NetworkReady.
  static func status(_ reader: ProtobufReader) throws -> RuntimeStatus {
    var result = RuntimeStatus(
      runtimeProblem: "the runtime does not say that it is ready", networkProblem: "the runtime does not say that its network is ready")
    for conditions in try messages(reader, { try messages($0) { $0 } }) {
      for condition in conditions {
        var condition: ProtobufReader = condition
        var (type, ready, text): (String, Bool, String) = ("", false, "")
        while let field: ProtobufReader.Field = try condition.next() {
          switch field.number {
          case 1: type = try condition.string(field)
          case 2: ready = try condition.bool(field)
          case 3: text = try condition.string(field) + text
          case 4: text += ": " + (try condition.string(field))
          default: try condition.skip(field)
          }
        }
        if type == "RuntimeReady" { result.runtimeProblem = ready ? nil : text }
        if type == "NetworkReady" { result.networkProblem = ready ? nil : text }
      }
    }
    return result
  }

  /// `VersionResponse` as `name://version`.
  static func version(_ reader: ProtobufReader) throws -> String {
    var reader: ProtobufReader = reader
    var (name, version): (String, String) = ("", "")
    while let field: ProtobufReader.Field = try reader.next() {
      switch field.number {
      case 2: name = try reader.string(field)
      case 3: version = try reader.string(field)
      default: try reader.skip(field)
      }
    }
    return "\(name)://\(version)"
  }
}
