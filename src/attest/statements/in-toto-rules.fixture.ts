/**
 * The rules of in-toto (spec/v1/resource_descriptor.md, digest_set.md, field_types.md of in-toto/attestation) and the members that SLSA
 * names (spec/schema/provenance.cue and verification_summary.md of slsa-framework/slsa 1.2), as far as ours use them: what is wrong
 * with a statement, one line each.
 */
export function problemsOf(statement: Fields): string[] {
  const subjects = statement['subject'] as Fields[]
  const names = subjects.flatMap(({ name }) => (name === undefined ? [] : [name]))
  return [
    ...only(statement, ['_type', 'subject', 'predicateType', 'predicate']),
    ...(statement['_type'] === 'https://in-toto.io/Statement/v1' ? [] : ['_type']),
    ...(subjects.length === 0 ? ['no subject'] : []),
    ...(new Set(names).size < names.length ? ['a name of a subject stands twice'] : []),
    ...subjects.flatMap((one) => [
      ...only(one, ['name', 'digest']),
      ...(one['digest'] === undefined
        ? ['a subject without digest']
        : digestProblems(one['digest'] as Fields)),
    ]),
  ]
}

type Fields = Readonly<Record<string, unknown>>

export function provenanceProblems(predicate: Fields): string[] {
  const { buildDefinition, runDetails } = predicate as Record<string, Fields>
  if (buildDefinition === undefined || runDetails === undefined) return ['a part is missing']
  const {
    builder,
    metadata,
    byproducts = [],
  } = runDetails as Record<string, Fields> & { byproducts?: Fields[] }
  const dependencies = (buildDefinition['resolvedDependencies'] ?? []) as Fields[]
  return [
    ...only(predicate, ['buildDefinition', 'runDetails']),
    ...only(buildDefinition, [
      'buildType',
      'externalParameters',
      'internalParameters',
      'resolvedDependencies',
    ]),
    ...only(runDetails, ['builder', 'metadata', 'byproducts']),
    ...only(builder ?? {}, ['id', 'builderDependencies', 'version']),
    ...only(metadata ?? {}, ['invocationId', 'startedOn', 'finishedOn']),
    ...uriProblems(buildDefinition['buildType']),
    ...uriProblems(builder?.['id']),
    ...(Object.keys(buildDefinition['externalParameters'] ?? {}).length === 0
      ? ['externalParameters must not be empty']
      : []),
    ...Object.values(builder?.['version'] ?? {}).flatMap((one) =>
      typeof one === 'string' ? [] : ['version'],
    ),
    ...[metadata?.['startedOn'], metadata?.['finishedOn']].flatMap(timeProblems),
    ...[...dependencies, ...byproducts].flatMap(descriptorProblems),
  ]
}

export function summaryProblems(predicate: Fields): string[] {
  const { verifier, policy, inputAttestations, verifiedLevels } = predicate as Record<string, Fields> & {
    inputAttestations: Fields[]
    verifiedLevels: string[]
  }
  return [
    ...only(predicate, [
      ...['verifier', 'timeVerified', 'resourceUri', 'policy', 'inputAttestations', 'verificationResult'],
      ...['verifiedLevels', 'dependencyLevels', 'slsaVersion'],
    ]),
    ...uriProblems(verifier?.['id']),
    ...uriProblems(predicate['resourceUri']),
    ...timeProblems(predicate['timeVerified']),
    ...descriptorProblems(policy ?? {}),
    ...(policy?.['uri'] === undefined ? ['the policy has no uri'] : []),
    ...inputAttestations.flatMap((one) => [
      ...descriptorProblems(one),
      ...(one['digest'] === undefined ? ['digest'] : []),
    ]),
    ...(['PASSED', 'FAILED'].includes(String(predicate['verificationResult'])) ? [] : ['verificationResult']),
    ...verifiedLevels.filter((one) => !/^(?:FAILED|SLSA_BUILD_LEVEL_(?:[0-3]|UNEVALUATED))$/.test(one)),
    ...(/^\d+\.\d+$/.test(String(predicate['slsaVersion'])) ? [] : ['slsaVersion']),
  ]
}

/** Further ones have to be URIs (SLSA, "Parsing rules"); ours have none. */
function only(fields: Fields, known: readonly string[]): string[] {
  return Object.keys(fields).filter((name) => !known.includes(name))
}

function descriptorProblems(one: Fields): string[] {
  const { uri, digest, content, name, mediaType } = one
  return [
    ...only(one, ['name', 'uri', 'digest', 'content', 'downloadLocation', 'mediaType', 'annotations']),
    ...(uri === undefined && digest === undefined && content === undefined
      ? ['a descriptor of nothing']
      : []),
    ...(uri === undefined ? [] : uriProblems(uri)),
    ...(digest === undefined ? [] : digestProblems(digest as Fields)),
    ...[name, mediaType].flatMap((text) =>
      text === undefined || typeof text === 'string' ? [] : ['no text'],
    ),
  ]
}

const hexChars: Readonly<Record<string, readonly number[]>> = {
  ...{ sha256: [64], sha384: [96], sha512: [128], dirHash: [64], gitCommit: [40, 64] },
}

function digestProblems(digest: Fields): string[] {
  const entries = Object.entries(digest)
  if (entries.length === 0) return ['an empty digest']
  return entries.flatMap(([name, hex]) => {
    const isRight = hexChars[name]?.includes(String(hex).length) === true && /^[0-9a-f]+$/.test(String(hex))
    return isRight ? [] : [`digest ${name} ${String(hex)}`]
  })
}

/** RFC 3986 as a whole, scheme and host in small letters (field_types.md, "ResourceURI"). */
function uriProblems(uri: unknown): string[] {
  const { scheme = '', host = '' } =
    /^(?<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?:\/\/(?<host>[^/?#]*))?(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=[\]-]|%[0-9A-Fa-f]{2})*$/.exec(
      String(uri),
    )?.groups ?? {}
  return scheme !== '' && `${scheme}${host}` === `${scheme}${host}`.toLowerCase()
    ? []
    : [`no URI: ${String(uri)}`]
}

function timeProblems(time: unknown): string[] {
  return /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/.test(String(time))
    ? []
    : [`no time: ${String(time)}`]
}
