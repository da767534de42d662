/** What the operations of a service name. */
export interface Table {
  readonly rules: readonly Rule[]
}

export interface Rule {
  /** Of a REST path; undefined where the operation has a name. */
  readonly request?: { readonly method: string; readonly path: RegExp }
  readonly actions: readonly string[]
  /** What it names, by members of the request. */
  readonly resource: readonly Part[]
  /** Members with the roles that it hands to the service. */
  readonly passes: readonly string[]
  /** A member that is to be the name of something within the resource, and no ARN, which would go before the resource. */
  readonly within?: string
}

export interface Part {
  /** Each that the request has names a thing of its own. */
  readonly members: readonly string[]
  readonly otherwise?: string
}

/**
 * `Action|Action => {cluster=default}/{service} pass roleArn within Name`, and of REST `POST /path/{}/x => Action {member} pass Role`.
 * `{a|b}` is for operations that have both members: a request is about all that it names. A line that ends in `|` goes on.
 */
export function readTable(lines: string): Table {
  const rules = lines
    .trim()
    .replaceAll(/\|\s+/g, '|')
    .split('\n')
    .map((line): Rule => {
      const [asked = '', rest = ''] = line.trim().split(' => ')
      const [method = '', path] = asked.split(' ')
      const [before = '', within] = rest.split('within ')
      const [what = '', passes = ''] = before.split('pass ')
      const words = what.trim().split(' ')
      const template = words.at(-1)?.startsWith('{') === true ? words.pop() : undefined
      return {
        ...(path === undefined ? {} : { request: { method, path: pathOf(path) } }),
        actions: path === undefined ? asked.split('|') : words,
        resource: partsOf(template ?? ''),
        passes: passes.split(' ').filter((one) => one !== ''),
        ...(within === undefined ? {} : { within }),
      }
    })
  return { rules }
}

function pathOf(template: string): RegExp {
  return new RegExp(`^${template.replaceAll('{}', '([^/]+)').replaceAll('*', '[^/]+')}/?$`)
}

function partsOf(template: string): Part[] {
  return [...template.matchAll(/\{([^}=]+)(?:=([^}]+))?\}/g)].map(([, members = '', otherwise]) => ({
    members: members.split('|'),
    ...(otherwise === undefined ? {} : { otherwise }),
  }))
}
