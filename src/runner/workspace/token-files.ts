/** What of a file's text is secret, and the text as a step may see it. */
export interface Cleaned {
  readonly secrets: readonly string[]
  readonly text: string
}

interface Rule {
  /** Of the path in the workspace. */
  readonly file: RegExp
  /** Group `value` is the secret. */
  readonly secret: RegExp
  /** What is left of a match: nothing, the match without its value, or nothing of the whole file. */
  readonly leave: 'nothing' | 'rest' | 'no file'
}

const gitConfig: Rule = {
  file: /(?:^|\/)\.git\/(?:.*\/)?config(?:\.worktree)?$/,
  // A section's head may stand on the same line; a backslash at the end goes on in the next one (git-config(1)).
  secret:
    /(?:\bextraheader[ \t]*=[ \t]*"?[\w-]+:[ \t]*(?:\w+[ \t]+)?(?<value>(?:[^\\"\n]|\\[\s\S])*)"?|\bhelper[ \t]{0,64}=.{0,2000}?password=(?<helper>[^\s;"'\\]+).*)$/gim,
  leave: 'nothing',
}

const rules: readonly Rule[] = [
  gitConfig,
  {
    file: /(?:^|\/)\.?npmrc$/,
    secret: /^[^#;\n]*?(?:_authToken|_auth|_password)[ \t]{0,64}=[ \t]*(?<value>.*)$/gm,
    leave: 'nothing',
  },
  {
    file: /(?:^|\/)\.yarnrc\.yml$/,
    secret: /^[ \t]*(?:npmAuthToken|npmAuthIdent)[ \t]*:[ \t]*(?<value>.*)$/gm,
    leave: 'nothing',
  },
  {
    file: /(?:^|\/)gradle\.properties$/,
    secret: /^[^#\n]*(?:password|token|secret)\w{0,64}[ \t]{0,64}[=:][ \t]*(?<value>.*)$/gim,
    leave: 'nothing',
  },
  { file: /(?:^|\/)pip\.(?:conf|ini)$/, secret: /(?!)/g, leave: 'rest' },
  {
    file: /(?:^|\/)nuget\.config$/i,
    secret: /"(?:ClearText)?Password"[ \t]+value="(?<value>[^"]*)"/gi,
    leave: 'rest',
  },
  {
    file: /(?:^|\/)(?:\.m2\/)?settings\.xml$/,
    secret: /<(?:password|passphrase)>(?<value>[^<]*)</g,
    leave: 'rest',
  },
  { file: /(?:^|\/)[._]netrc$/, secret: /\bpassword\s+(?<value>\S+)/g, leave: 'no file' },
  {
    file: /(?:^|\/)\.docker\/config\.json$/,
    secret: /"(?:auth|identitytoken|registrytoken|password)"\s*:\s*"(?<value>[^"]+)"/g,
    leave: 'no file',
  },
  { file: /(?:^|\/)\.pypirc$/, secret: /^\s*password\s*[=:]\s*(?<value>.*)$/gm, leave: 'no file' },
  {
    file: /(?:^|\/)\.cargo\/(?:credentials(?:\.toml)?|config\.toml)$/,
    secret: /^\s*(?:token|secret-key)\s*=\s*"(?<value>[^"\n]*)"/gm,
    leave: 'rest',
  },
  { file: /(?:^|\/)\.git-credentials$/, secret: /(?!)/g, leave: 'no file' },
]

/** `https://user:password@`, and `https://token@`, in any of these files. */
const userinfo = /\b(?<scheme>https?:\/\/)(?<user>[^\s/:@"'\\]*)(?::(?<password>[^\s/@"'\\]*))?@/gi
/** A user name alone is taken for a token from this length on. */
const tokenLength = 20

export function isTokenFile(path: string): boolean {
  return rules.some((rule) => rule.file.test(path))
}

/** The text without its secrets, or undefined if there is none in it. Variables and placeholders are no secrets. */
export function cleanTokenFile(path: string, text: string): Cleaned | undefined {
  return clean(rules.find((rule) => rule.file.test(path)) ?? gitConfig, text)
}

/** Of a file that a git config includes, whatever its name. */
export function cleanGitConfig(text: string): Cleaned | undefined {
  return clean(gitConfig, text)
}

function clean(rule: Rule, text: string): Cleaned | undefined {
  const found: string[] = []
  const take = (value: string | undefined): boolean => {
    const plain = unquoted(value ?? '')
    if (!isSecret(plain)) return false
    found.push(...formsOf(plain))
    return true
  }
  const kept = text
    .replace(rule.secret, (...match) => {
      const [whole, groups] = [match[0], match.at(-1) as Record<string, string | undefined>]
      const value = groups['value'] ?? groups['helper']
      if (!take(value)) return whole
      return rule.leave === 'rest' ? whole.replace(value ?? '', '') : ''
    })
    .replace(userinfo, (...match) => {
      const [whole, groups] = [match[0], match.at(-1) as Record<string, string | undefined>]
      const { scheme = '', user = '', password } = groups
      const isToken = password === undefined ? user.length >= tokenLength && take(user) : take(password)
      return isToken ? scheme : whole
    })
  if (found.length === 0) return undefined
  return { secrets: [...new Set(found)], text: rule.leave === 'no file' ? '' : kept }
}

function unquoted(value: string): string {
  return value.trim().replace(/^(["'])(.*)\1$/, '$2')
}

function isSecret(value: string): boolean {
  return value.length >= 6 && !/^(?:\$.*|%\w+%|\{.*\}|<.*>|\*+|x+)$/is.test(value)
}

/** Itself, as a URL writes it, and what it says in base64: `Basic` and npm's `_auth` are `user:password`. */
function formsOf(value: string): string[] {
  const forms = [value]
  try {
    forms.push(decodeURIComponent(value))
  } catch {
    // A percent sign that begins no escape.
  }
  if (/^[A-Za-z0-9+/]{8,}={0,2}$/.test(value)) {
    const said = Buffer.from(value, 'base64').toString('utf8')
    if (/^[\x20-\x7e]+$/.test(said)) forms.push(said, said.slice(said.indexOf(':') + 1))
  }
  return forms.filter((form) => form.length >= 6)
}
