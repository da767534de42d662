import { formsOf, maxLineChars, secretsInJson, valuesIn, withoutUserinfo } from './token-values.ts'

/** What of a file's text is secret, and the text as a step may see it. */
export interface Cleaned {
  readonly secrets: readonly string[]
  readonly text: string
}

interface Kind {
  /** Of the path in the workspace. */
  readonly file: RegExp
  /** What stands before a secret value. Fixed words: no repetition, so that a line is gone over once. */
  readonly keys: RegExp
  /** What is left of a line with a secret: nothing from the key on, or all but the value; or nothing of the whole file. */
  readonly leave: 'before key' | 'without value' | 'no file'
}

const gitConfig: Kind = {
  file: /(?:^|\/)(?:\.git\/(?:.*\/)?config(?:\.worktree)?|\.gitmodules|\.hg\/hgrc)$/,
  keys: /extraheader|password/gi,
  leave: 'before key',
}

/** Bundler's credentials stand under the names of hosts; these are settings (bundler.io/man/bundle-config.1.html). */
function bundleKeys(): RegExp {
  const settings =
    'PATH|PATH__SYSTEM|PATH_RELATIVE_TO_CWD|WITHOUT|WITH|ONLY|JOBS|RETRY|REDIRECTS|TIMEOUT|FROZEN|DEPLOYMENT|BIN|CACHE_PATH|CACHE_ALL|CACHE_ALL_PLATFORMS|GLOBAL_GEM_CACHE|CLEAN|NO_PRUNE|NO_INSTALL|SHEBANG|GEMFILE|VERSION|TRUST___POLICY|SPECIFIC_PLATFORM|FORCE_RUBY_PLATFORM|LOCKFILE_CHECKSUMS|PREFER_PATCH|INLINE|AUTO_INSTALL|APP_CONFIG|CONSOLE|PLUGINS|SSL_VERIFY_MODE|SYSTEM_BINDIR|IGNORE_MESSAGES|SILENCE_\\w+|DISABLE_\\w+|ALLOW_\\w+|BUILD__\\w+|LOCAL__\\w+'
  return new RegExp(`BUNDLE_(?!(?:${settings})"?:)\\w{1,200}`, 'g')
}

const kinds: readonly Kind[] = [
  gitConfig,
  { file: /(?:^|\/)\.?npmrc$/, keys: /_authToken|_auth|_password|:key|^key/gi, leave: 'before key' },
  { file: /(?:^|\/)\.yarnrc\.yml$/, keys: /npmAuthToken|npmAuthIdent/gi, leave: 'without value' },
  { file: /(?:^|\/)bunfig\.toml$/, keys: /token|password/gi, leave: 'without value' },
  { file: /(?:^|\/)gradle\.properties$/, keys: /password|passwd|token|secret/gi, leave: 'before key' },
  { file: /(?:^|\/)pip\.(?:conf|ini)$/, keys: /password/gi, leave: 'before key' },
  { file: /(?:^|\/)nuget\.config$/i, keys: /password" value|password"\tvalue/gi, leave: 'without value' },
  { file: /(?:^|\/)settings\.xml$/, keys: /<password|<passphrase/gi, leave: 'without value' },
  {
    file: /(?:^|\/)\.cargo\/(?:credentials(?:\.toml)?|config(?:\.toml)?)$/,
    keys: /token|secret-key/gi,
    leave: 'without value',
  },
  { file: /(?:^|\/)[._]netrc$/, keys: /password/gi, leave: 'no file' },
  { file: /(?:^|\/)\.pypirc$/, keys: /password/gi, leave: 'no file' },
  { file: /(?:^|\/)\.bundle\/config$/, keys: bundleKeys(), leave: 'no file' },
  { file: /(?:^|\/)(?:\.git-credentials|\.git\/credentials)$/, keys: /(?!)/g, leave: 'no file' },
  {
    file: /(?:^|\/)(?:\.docker\/config|\.config\/containers\/auth|auth|gha-creds-[\w-]{1,64})\.json$|(?:^|\/)\.dockercfg$/,
    keys: /auth"|token"|password"|secret"|key"/gi,
    leave: 'no file',
  },
]

export function isTokenFile(path: string): boolean {
  return kinds.some((kind) => kind.file.test(path))
}

/** The text without its secrets, or undefined if there is none in it. Variables and placeholders are no secrets. */
export function cleanTokenFile(path: string, text: string): Cleaned | undefined {
  return clean(kinds.find((kind) => kind.file.test(path)) ?? gitConfig, text)
}

/** Of a file that a git config includes, whatever its name. */
export function cleanGitConfig(text: string): Cleaned | undefined {
  return clean(gitConfig, text)
}

function clean(kind: Kind, text: string): Cleaned | undefined {
  const json = kind.leave === 'no file' ? secretsInJson(text) : undefined
  if (json !== undefined) return json.length === 0 ? undefined : { secrets: allForms(json), text: '' }
  const found: string[] = []
  let isHidden = kind.leave === 'no file'
  const lines = joined(kind, text)
    .split('\n')
    .map((line) => {
      if (line.length > maxLineChars) {
        // Nobody writes such a line, and what is not taken apart is not shown.
        if (line.includes('://') || kind.keys.test(line)) isHidden = true
        kind.keys.lastIndex = 0
        return line
      }
      const { secrets, text: plain } = withoutUserinfo(line)
      found.push(...secrets)
      return cutValues(kind, plain, found)
    })
  if (found.length === 0 && !isHidden) return undefined
  if (found.length === 0 && kind.leave === 'no file') return undefined
  return { secrets: allForms(found), text: isHidden ? '' : lines.join('\n') }
}

/** As it is read: git goes on in the next line after a backslash, netrc wherever white space is. */
function joined(kind: Kind, text: string): string {
  const plain = text.replaceAll('\r\n', '\n').replaceAll('\r', '\n')
  if (kind === gitConfig) return plain.replaceAll('\\\n', '')
  return kind.file.test('.netrc') ? plain.replaceAll('password\n', 'password ') : plain
}

function cutValues(kind: Kind, line: string, found: string[]): string {
  const values = valuesIn(line, kind.keys)
  const [first] = values
  if (first === undefined) return line
  found.push(...values.flatMap((one) => one.values))
  // What a section's head has on its own line stays.
  if (kind.leave === 'before key') return line.slice(0, line.lastIndexOf(']', first.at) + 1)
  return values.flatMap((one) => one.values).reduce((kept, value) => kept.replaceAll(value, ''), line)
}

function allForms(values: readonly string[]): string[] {
  return [...new Set(values.flatMap(formsOf))]
}
