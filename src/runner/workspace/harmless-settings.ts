/**
 * Settings of Git's by which it runs no program (git-config(1)), as it prints their names: first and last part in lower case. What a
 * repository may say is listed, since what it may not say does not end: any key can become one that runs something, and tools add
 * keys of their own. Those that git-variables.ts takes back are among them.
 */
const harmless: readonly RegExp[] = [
  /^core\.(?:repositoryformatversion|filemode|bare|logallrefupdates|symlinks|ignorecase|precomposeunicode|autocrlf|eol|safecrlf|abbrev|sparsecheckout|sparsecheckoutcone|quotepath|compression|loosecompression|bigfilethreshold|checkstat|trustctime|untrackedcache|preloadindex|fscache|longpaths|protecthfs|protectntfs|commitgraph|multipackindex|whitespace|packedgit.*|splitindex|hidedotfiles|notesref|commentchar|worktree|createobject|sharedrepository)$/,
  /^core\.(?:fsmonitor|hookspath|sshcommand|askpass|pager|editor|alternaterefscommand)$/,
  /^(?:user|author|committer|branch|fetch|push|pull|rebase|rerere|log|status|color|column|advice|format|blame|grep|init|index|pack|maintenance|feature|extensions|transfer|receive|checkout|clone|http|safe|gui|interactive|stash|notes|apply|am|worktree|showbranch|bundle|commit|tag|gpg|credential|protocol|sequence)\./,
  // The word itself, and not what is named between two dots: a driver, a tool, a filter.
  /^(?:merge|diff|submodule|lfs|gc|uploadpack|remote|help|difftool|mergetool)\.[a-z]+$/,
  /^diff\..*\.(?:xfuncname|funcname|wordregex|binary|algorithm|cachetextconv)$/,
  /^merge\..*\.(?:name|recursive)$/,
  /^remote\..*\.(?:fetch|push|tagopt|prune|prunetags|mirror|skipdefaultupdate|skipfetchall|promisor|partialclonefilter|followremotehead|gh-resolved)$/,
  /^submodule\..*\.(?:active|branch|path|ignore|fetchrecursesubmodules|shallow)$/,
  /^lfs\..*\.(?:access|locksverify)$/,
  /^filter\..*\.required$/,
]

/** Of these words one runs something all the same. */
const harmful: ReadonlySet<string> = new Set([
  ...['diff.external', 'gc.recentobjectshook', 'uploadpack.packobjectshook', 'lfs.standalonetransferagent'],
  ...['help.browser', 'merge.tool', 'merge.guitool', 'diff.tool', 'diff.guitool'],
])

/** Hosts of a network: not a folder, where hooks and another configuration could lie, and no helper that is named in a URL. */
const ofNetwork = /^(?:https?|ssh|git\+ssh|git):\/\/[^/]|^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:(?!:)/

/** As `git lfs install` writes them: its program is the machine's. */
const ofLfs = /^git-lfs (?:clean -- %f|smudge (?:--skip )?-- %f|filter-process(?: --skip)?)$/

/** Whether Git runs no program of the repository's choice by this setting. */
export function isHarmless(key: string, value: string): boolean {
  if (value === '') return true
  if (/^(?:remote\..*\.(?:push)?url|submodule\..*\.url)$/.test(key)) return ofNetwork.test(value)
  const instead = /^url\.(?<base>.*)\.(?:push)?insteadof$/s.exec(key)?.groups
  if (instead !== undefined) return ofNetwork.test(instead['base'] ?? '')
  if (/^filter\.lfs\.(?:clean|smudge|process)$/.test(key)) return ofLfs.test(value)
  if (/^submodule\..*\.update$/.test(key)) return !value.startsWith('!')
  if (key.startsWith('pager.')) return /^(?:true|false|yes|no|on|off|[0-9]*)$/i.test(value)
  return !harmful.has(key) && harmless.some((form) => form.test(key))
}
