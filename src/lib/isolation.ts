/**
 * How a step is isolated, strongest first. `namespace`: bubblewrap, in namespaces of every kind. `container`: the same by
 * podman or docker, in an image of the user's. `namespace-no-pid`: bubblewrap where no process namespace is to be had, inside
 * containers. `none`: not at all, and without any grant.
 */
export const isolations = ['namespace', 'container', 'namespace-no-pid', 'none'] as const
export type Isolation = (typeof isolations)[number]

/** Of a sandbox, as entries have it: B all namespaces, C no process namespace, E none. */
export type Tier = 'B' | 'C' | 'E'

/** What runs containers. */
export const engines = ['podman', 'docker'] as const
export type Engine = (typeof engines)[number]

export function isolationOf(tier: Tier, engine?: Engine): Isolation {
  if (tier === 'E') return 'none'
  if (tier === 'C') return 'namespace-no-pid'
  return engine === undefined ? 'namespace' : 'container'
}

/** Also false for a word that is none of ours: whatever that is, it was not proved to be enough. */
export function isAtLeast(isolation: Isolation, least: string): boolean {
  const wanted = isolations.findIndex((one) => one === least)
  return isolations.indexOf(isolation) <= wanted
}

/** What it does not hold that `namespace` does, for the record and whoever reads it. */
export function lacksOf(isolation: Isolation): readonly string[] {
  switch (isolation) {
    case 'namespace':
      return []
    case 'container':
      return ['landlock']
    case 'namespace-no-pid':
      return ['process-namespace']
    case 'none':
      return ['everything']
  }
}
