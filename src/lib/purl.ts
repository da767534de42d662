/** What a package URL names (purl-spec), escapes resolved. */
export interface PackageUrl {
  /** `npm`, `pypi`, `golang`, ... */
  readonly type: string
  /** Namespace and name: `@octo/core`. */
  readonly name: string
  readonly version: string | undefined
}

/** Reads `pkg:npm/%40octo/core@1.0.0?...`; undefined for what is no package URL. */
export function parsePurl(purl: string): PackageUrl | undefined {
  // A scope of npm may stand there unescaped, as people write it.
  const { type, name, version } =
    /^pkg:(?<type>[a-z0-9.+-]+)\/(?<name>@?[^@?#]+)(?:@(?<version>[^?#]+))?(?:[?#].*)?$/s.exec(purl)
      ?.groups ?? {}
  if (type === undefined || name === undefined) return undefined
  try {
    return {
      type,
      name: decodeURIComponent(name),
      version: version === undefined ? undefined : decodeURIComponent(version),
    }
  } catch {
    return undefined
  }
}

/** Text as it stands in a package URL (purl-spec, "Character encoding"): `1%212.0`. */
export function purlText(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
