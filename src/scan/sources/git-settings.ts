/** A repository, or any folder in its work tree. */
export interface GitPlace {
  readonly folder: string
  /** The environment in which Git runs. What of it would lead Git elsewhere is left out. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** A hook of this repository asks: Git's variables say which index is committed, and where objects lie that are not accepted yet. */
  readonly isInHook?: boolean
  /** What is ignored is asked for: the file that `core.excludesFile` names counts. */
  readonly asksIgnored?: boolean
  /** Git is ended if it is waited for and says nothing for so long. */
  readonly maxSilentMs?: number
}

/**
 * How Git is run, whatever its configuration says. It may be anybody's (`safe.directory`), so nothing that it names is run, and nothing in it
 * changes what is printed: a file that is not in a list, or is there by another name, is one that nobody looks at. All that our commands
 * (cat-file, config, count-objects, diff, for-each-ref, log, ls-files, ls-tree, rev-list, rev-parse) go by is set here, or by their own options
 * (git-config(1)).
 */
const pinned = [
  'safe.directory=*',
  // Programs: to watch files, to check signatures, to page.
  ...[
    'core.fsmonitor=false',
    'core.hooksPath=/dev/null',
    'core.pager=cat',
    'core.alternateRefsCommand=false',
  ],
  ...['protocol.allow=never', 'log.showSignature=false'],
  // Which files of which commits there are. What lies beside the objects may say of them what is not so: other parents, other packs.
  ...['diff.relative=false', 'diff.ignoreSubmodules=none', 'diff.renames=false', 'diff.orderFile=/dev/null'],
  ...['log.follow=false', 'log.showRoot=true', 'log.diffMerges=separate', 'submodule.recurse=false'],
  ...['core.commitGraph=false', 'core.multiPackIndex=false', 'core.untrackedCache=false'],
  // How names of files, people and objects are written.
  ...['core.quotePath=false', 'core.abbrev=40', 'log.abbrevCommit=false', 'core.precomposeUnicode=false'],
  ...['i18n.logOutputEncoding=UTF-8', 'i18n.commitEncoding=UTF-8', 'log.mailmap=false'],
  // What else may stand in between.
  ...['color.ui=false', 'color.diff=false', 'log.decorate=false', 'diff.submodule=short', 'column.ui=never'],
  'advice.graftFileDeprecated=false',
  // Files that are read and say nothing here. A pipe that nobody writes to would be waited for.
  ...['core.attributesFile=/dev/null', 'mailmap.file=/dev/null', 'mailmap.blob='],
  // Otherwise it maps packs of gigabytes.
  ...['core.packedGitLimit=64m', 'core.packedGitWindowSize=4m'],
]

export function settingsOf({ asksIgnored = false }: GitPlace): string[] {
  const all = asksIgnored ? pinned : [...pinned, 'core.excludesFile=/dev/null']
  return ['--no-pager', ...all.flatMap((setting) => ['-c', setting])]
}

/** What a user says of all repositories. */
const ofUser = /^GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM)$/
const ofHook =
  /^GIT_(?:DIR|WORK_TREE|INDEX_FILE|COMMON_DIR|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|QUARANTINE_PATH|PREFIX)$/

export function environmentOf({ env, isInHook = false }: GitPlace): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(
    ([name]) => !name.startsWith('GIT_') || ofUser.test(name) || (isInHook && ofHook.test(name)),
  )
  return {
    ...Object.fromEntries(kept),
    LC_ALL: 'C',
    // A clone without its blobs would ask its server for them, one by one.
    GIT_NO_LAZY_FETCH: '1',
    GIT_ALLOW_PROTOCOL: '',
    GIT_TERMINAL_PROMPT: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_ATTR_NOSYSTEM: '1',
    // Objects are looked at as they are, not as others that stand in their place.
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_GRAFT_FILE: '/dev/null',
  }
}
