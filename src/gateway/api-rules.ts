import type { Exchange } from './exchange.ts'

/**
 * What a request of a forge's API does, by method and path: the first rule that fits. `*` in a template is one segment, `**` any
 * number of them; a method is one of HTTP's or `*`.
 */
export interface ApiRule {
  readonly methods: readonly string[]
  readonly path: RegExp
  readonly action: string
}

/** Rules as lines: methods by `|`, a template, what it does: `PUT|DELETE user/keys => deploy-key`. */
export function readRules(kind: string, lines: string): ApiRule[] {
  return lines
    .trim()
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [asked = '', action = ''] = line.split(' => ')
      const [methods = '', template = ''] = asked.split(' ')
      const pattern = template
        .replaceAll('.', '\\.')
        .replaceAll('/**', '(?:/.**)?')
        .replaceAll(/\*+/g, (stars) => (stars === '**' ? '*' : '[^/]+'))
      return {
        methods: methods.split('|'),
        path: new RegExp(`^${pattern}$`, 'i'),
        action: `${kind}:${action}`,
      }
    })
}

const reads: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/** Reading is an action of its own, whatever is read; what changes something and has no rule takes the action for everything. */
export function actionOf(kind: string, rules: readonly ApiRule[], method: string, path: string): string {
  const found = rules.find(
    (rule) => (rule.methods.includes(method) || rule.methods.includes('*')) && rule.path.test(path),
  )
  return found?.action ?? `${kind}:${reads.has(method) ? 'read' : 'admin'}`
}

/** A request whose answer is a new credential: no grant opens it, since no step holds one (design.md, Never 1). */
export function isMinting(action: string): boolean {
  return action.endsWith(':mint')
}

export const mintingRefusal =
  'its answer would be a token, which no step may hold: let an operator make it, and name it as a credential of a connection'

/** The request in one line, for refusals. */
export function whatOf({ request, connection, path }: Exchange): string {
  return `${connection.kind} ${request.method} ${connection.name}${path}`
}
