import type { CheckoutFiles } from '../read/checkout-files.ts'
import { unknownHost } from './connections.ts'
import type { Migration, Need, RegistryPlace } from './model.ts'

/** Who publishes into the registry of a company does not publish into everybody's, nor show it the company's token. */
export function atTheirRegistries(migration: Migration, ofCheckout: readonly RegistryPlace[]): Migration {
  const places = [...ofText(migration.file.text), ...ofCheckout]
  const notes = [...migration.notes, ...notAws(migration)]
  if (places.length === 0) return { ...migration, notes }
  const placed = (need: Need): Need => {
    if (need.url !== undefined) return need
    const place = places.find(
      ({ connection, isForPublishing = false }) =>
        connection === need.connection && (need.writes || !isForPublishing),
    )
    return place === undefined ? need : { ...need, url: urlOf(place) }
  }
  return {
    ...{ ...migration, notes },
    roles: migration.roles.map((role) => ({ ...role, needs: role.needs.map(placed) })),
  }
}

function notAws({ file, roles }: Migration): string[] {
  const isNamed = /\bAWS_ENDPOINT_URL(?:_[A-Z0-9_]+)?\b/.test(file.text)
  const isUsed = roles.some(({ needs }) => needs.some(({ connection }) => connection.startsWith('aws')))
  return isNamed && isUsed
    ? [
        'AWS_ENDPOINT_URL names a server that is not AWS: the connection aws does not reach it, and its keys are none of AWS; leave these steps as they are',
      ]
    : []
}

/** The same of the value of an option; what is computed is nowhere. */
export function placeNamed(value: string | undefined): { readonly url?: string } {
  if (value === undefined) return {}
  return { url: urlOf({ connection: '', url: addressIn(value) }) }
}

function urlOf({ url }: RegistryPlace): string {
  return url ?? `https://${unknownHost}`
}

/** Everybody's, by the connection: to be told of it changes nothing. */
const everybodys: Readonly<Record<string, RegExp>> = {
  npm: /^https:\/\/registry\.(?:npmjs\.org|yarnpkg\.com)$/,
  pypi: /^https:\/\/(?:[\w-]+\.)?pypi\.org(?:\/simple|\/legacy)?$/,
  'pypi-upload': /^https:\/\/upload\.pypi\.org(?:\/legacy)?$/,
  crates: /crates\.io/,
  gems: /^https:\/\/rubygems\.org$/,
  github: /^https:\/\/(?:api\.)?github\.com$/,
  gitlab: /^https:\/\/gitlab\.com$/,
}

/** Variables by which tools are told, and inputs of actions. */
const variables: readonly (Omit<RegistryPlace, 'url'> & {
  readonly name: RegExp
  readonly path?: string
  /** Whose value is the name of a registry, which a file of somebody's machine explains. */
  readonly isName?: true
  /** A word of a script, with a space or `=` behind it, and an address. */
  readonly isWord?: true
})[] = [
  { connection: 'npm', name: /npm_config_registry|yarn_npm_registry_server/i },
  { connection: 'npm', name: /yarn_npm_publish_registry/i, isForPublishing: true },
  { connection: 'npm', name: /registry-url/, isForPublishing: true },
  // `npm config set registry URL`, `echo @octo:registry=URL >.npmrc`.
  { connection: 'npm', name: /(?:--)?@[\w.-]{1,100}:registry/, isForPublishing: true, isWord: true },
  { connection: 'npm', name: /registry/, isWord: true },
  { connection: 'pypi-upload', name: /twine_repository_url|uv_publish_url|repository[-_]url/i },
  { connection: 'pypi-upload', name: /twine_repository/i, isName: true },
  { connection: 'pypi', name: /pip_index_url|uv_(?:default_index|index_url)/i },
  { connection: 'crates', name: /cargo_registry_default/i, isName: true },
  {
    connection: 'crates',
    name: /cargo_registries_(?!crates_io_)\w{1,100}_(?:token|index)/i,
    isName: true,
    isForPublishing: true,
  },
  { connection: 'gems', name: /rubygems_host/i },
  { connection: 'github', name: /gh_host|github_api_url/i, path: '/api/v3' },
  { connection: 'github', name: /(?:gh|github)_enterprise_token/i, isName: true },
  { connection: 'gitlab', name: /gitlab_host/i },
]

function ofText(text: string): RegistryPlace[] {
  return variables.flatMap(({ name, path = '', isName, isWord = false, connection, isForPublishing }) => {
    const between = isWord ? `(?:=|\\s{1,10})\\\\?["']?(?=https?:|\\$)` : `["']?\\s{0,10}[:=]\\s{0,10}["']?`
    const said = new RegExp(`(?<![\\w$-])(?:${name.source})${between}([^\\s"',}]{1,500})`, name.flags)
    const value = said.exec(text)?.[1]
    if (value === undefined) return []
    if (isName === true && /^(?:pypi|crates-io)$/.test(value)) return []
    const host = /^[\w.-]+\.[a-z]{2,}$/i.test(value) ? `https://${value}` : value
    const address = isName === true ? undefined : addressIn(host)
    if (address !== undefined && everybodys[connection]?.test(address) === true) return []
    return [
      {
        connection,
        url: address === undefined || address.endsWith(path) ? address : `${address}${path}`,
        ...(isForPublishing === undefined ? {} : { isForPublishing }),
      },
    ]
  })
}

/** `https://HOST[/PATH]`, without who signs in there; undefined where a variable decides, or it is no such address. */
function addressIn(value: string): string | undefined {
  if (/[$`<{]/.test(value)) return undefined
  const url = URL.parse(value)
  if (url?.protocol !== 'https:' || url.search !== '') return undefined
  return `https://${url.host}${url.pathname}`.replace(/\/+$/, '')
}

/** Manifests that are looked into. */
const mostManifests = 100

/** What the files of a checkout say. Read as text: nothing of them runs, and no pattern goes over a line's end again and again. */
export function registriesOf(files: CheckoutFiles): RegistryPlace[] {
  const read = (path: string): string => {
    const file = files.read(path)
    return file?.ok === true ? file.text : ''
  }
  const paths = [
    ...files.list('.', 1),
    ...['packages', 'crates', 'libs', 'modules'].flatMap((folder) => files.list(folder, 1)),
  ].filter((path) => !path.includes('node_modules/'))
  const named = (name: RegExp) => paths.filter((path) => name.test(path)).slice(0, mostManifests)
  const all: (RegistryPlace | undefined)[] = [
    ...named(/(?:^|\/)\.npmrc$/).flatMap((path) => {
      const text = read(path)
      return [
        place('npm', /^[ \t]{0,100}registry[ \t]{0,100}=[ \t]{0,100}(\S+)/m.exec(text)?.[1]),
        place(
          'npm',
          /^[ \t]{0,100}@[\w.-]{1,100}:registry[ \t]{0,100}=[ \t]{0,100}(\S+)/m.exec(text)?.[1],
          true,
        ),
      ]
    }),
    ...['npmPublishRegistry', 'npmRegistryServer'].map((key) =>
      place(
        'npm',
        new RegExp(`^[ \\t]{0,100}${key}:[ \\t]{0,100}["']?([^\\s"']+)`, 'm').exec(read('.yarnrc.yml'))?.[1],
        key === 'npmPublishRegistry',
      ),
    ),
    ...named(/(?:^|\/)package\.json$/).map((path) =>
      place(
        'npm',
        /"publishConfig"\s*:\s*\{[^{}]*?"(?:@[\w.-]{1,100}:)?registry"\s*:\s*"([^"]{1,500})"/.exec(
          read(path),
        )?.[1],
        true,
      ),
    ),
    place('crates', defaultOfCargo(read('.cargo/config.toml'))),
    ...named(/(?:^|\/)Cargo\.toml$/).map((path) => place('crates', onlyOfCargo(read(path)), true)),
    place(
      'pypi-upload',
      /^[ \t]{0,100}publish-url[ \t]{0,100}=[ \t]{0,100}["']([^"']{1,500})/m.exec(
        read('pyproject.toml'),
      )?.[1],
    ),
    place(
      'pypi-upload',
      /^[ \t]{0,100}repository[ \t]{0,100}[:=][ \t]{0,100}(\S+)/m.exec(read('.pypirc'))?.[1],
    ),
    ...named(/\.gemspec$/).map((path) =>
      place('gems', /allowed_push_host["']?\]?\s*=\s*["']([^"']{1,500})/.exec(read(path))?.[1], true),
    ),
  ]
  return all.filter((one) => one !== undefined)
}

function place(
  connection: string,
  value: string | undefined,
  isForPublishing = false,
): RegistryPlace | undefined {
  if (value === undefined) return undefined
  const url = addressIn(value)
  if (url !== undefined && everybodys[connection]?.test(url) === true) return undefined
  return { connection, url, ...(isForPublishing ? { isForPublishing } : {}) }
}

/** The name of a registry that another table explains: which one it is nobody looks up here. */
function defaultOfCargo(text: string): string | undefined {
  const name = /^\[registry\][^[]*?^[ \t]{0,100}default[ \t]{0,100}=[ \t]{0,100}["']([^"']{1,200})/m.exec(
    text,
  )?.[1]
  return name === undefined || name === 'crates-io' ? undefined : '$'
}

/** `publish = ["corp"]`: the registries that a package may go to. */
function onlyOfCargo(text: string): string | undefined {
  const names = /^[ \t]{0,100}publish[ \t]{0,100}=[ \t]{0,100}\[([^\]]{1,500})\]/m.exec(text)?.[1]
  return names === undefined || names.includes('crates-io') ? undefined : '$'
}
