/// How apply sees the value of a field: as one thing, as named fields, or as a list whose elements are told apart.
struct FieldShape {
  indirect enum Form {
    case leaf
    /// Fields of a type.
    case fields(SchemaType)
    /// Free keys.
    case keys(FieldShape)
    /// Scalars.
    case set
    /// Objects by these of their fields, some of which have a default.
    case list(keys: [String], element: FieldShape)
  }

  let form: Form

  init(_ type: ValueType, list: ListKind? = nil, isAtomicMap: Bool = false) {
    switch type {
    case .object(let id):
      let type: SchemaType = SchemaTable.shared[id]
      form = isAtomicMap || type.isAtomicMap || type.scalar != nil ? .leaf : .fields(type)
    case .map(let value): form = isAtomicMap ? .leaf : .keys(FieldShape(value))
    case .list(let element):
      switch list {
      case .set: form = .set
      case .map(let keys): form = .list(keys: keys, element: FieldShape(element))
      case .atomic, nil: form = .leaf
      }
    default: form = .leaf
    }
  }

  init(_ field: SchemaField) { self.init(field.type, list: field.list, isAtomicMap: field.isAtomicMap) }

  /// What a member of an object has for a shape; nil if the type has no such field.
  func member(_ name: String) -> FieldShape? {
    switch form {
    case .fields(let type): type.field(name).map { FieldShape($0) }
    case .keys(let shape): shape
    default: nil
    }
  }

  /// The name of a list's element; nil if it lacks a key that has no default.
  func element(_ value: JSONValue) -> PathElement? {
    switch form {
    case .set: return .value(PathElement.canonical(value))
    case .list(let keys, let shape):
      var object = JSONObject()
      for key in keys.sorted() {
        let present: JSONValue = value[key]
        if !present.isNull {
          object[key] = .some(present)
        } else if case .fields(let type) = shape.form, let fallback: JSONValue = type.field(key)?.defaultValue {
          object[key] = .some(fallback)
        } else {
          return nil
        }
      }
      return .key(JSONValue.object(object).serialized().text)
    default: return nil
    }
  }

  var elementShape: FieldShape {
    if case .list(_, let element) = form { element } else { FieldShape(.string) }
  }

  /// Whether a value can be walked along this shape; anything else is taken as a whole.
  func fits(_ value: JSONValue) -> Bool {
    switch (form, value) {
    case (.fields, .object), (.keys, .object): true
    case (.set, .array(let elements)), (.list, .array(let elements)): Set(elements.compactMap(element)).count == elements.count
    default: false
    }
  }
}
