import type { CheckoutFiles } from '../read/checkout-files.ts'

/** Where a checkout comes from, as its own configuration says; no program of Git is asked, since that would run what the checkout names. */
export interface Remote {
  /** `https://git.example.com`, whatever protocol the remote speaks. */
  readonly host: string
  /** OWNER/NAME, or GROUP/.../PROJECT. */
  readonly path: string
}

const maxLines = 5_000

/** The remote `origin`, or the first one; undefined where none is an address of a host. */
export function remoteOf(files: CheckoutFiles): Remote | undefined {
  const config = files.read('.git/config')
  if (config?.ok !== true) return undefined
  const urls = new Map<string, string>()
  let remote: string | undefined
  for (const line of config.text.split('\n').slice(0, maxLines)) {
    const section = /^\s*\[\s*([\w-]+)(?:\s+"([^"]*)")?\s*\]/.exec(line)
    if (section !== null) remote = section[1]?.toLowerCase() === 'remote' ? section[2] : undefined
    const url = /^\s*url\s*=\s*(.+?)\s*$/i.exec(line)?.[1]
    if (remote !== undefined && url !== undefined && !urls.has(remote)) urls.set(remote, url)
  }
  const named = [urls.get('origin'), ...urls.values()]
  return named.flatMap((url) => (url === undefined ? [] : (remoteFrom(url) ?? [])))[0]
}

/** `https://HOST/PATH.git`, `ssh://git@HOST/PATH`, `git@HOST:PATH`; without what it has of a user and a password. */
export function remoteFrom(url: string): Remote | undefined {
  const [, scheme, host, path] =
    /^(https?|ssh|git):\/\/(?:[^@/]*@)?([A-Za-z0-9.-]+(?::\d{1,5})?)\/+(.+?)(?:\.git)?\/*$/.exec(url) ??
    /^(?:[^@/:]*@)?()([A-Za-z0-9.-]+):(?!\/\/)\/*(.+?)(?:\.git)?\/*$/.exec(url) ??
    []
  if (
    host === undefined ||
    path === undefined ||
    !/^[\w.-]+(?:\/[\w.-]+)+$/.test(path) ||
    path.split('/').some((part) => /^\.{1,2}$/.test(part))
  )
    return undefined
  const isWeb = scheme === 'https' || scheme === 'http'
  const name = isWeb ? host : (host.split(':')[0] ?? host)
  return { host: `https://${name.toLowerCase()}`, path }
}

/** The branch that the remote calls its own. */
export function defaultBranchOf(files: CheckoutFiles): string {
  const head = files.read('.git/refs/remotes/origin/HEAD')
  const said =
    head?.ok === true ? /^ref: refs\/remotes\/origin\/([\w./-]{1,200})\s*$/.exec(head.text)?.[1] : undefined
  return said ?? 'main'
}
