// Words that carry no theme, a small list a language.
// Invariant: lower case, in the form in which words are segmented; negations are among them only where a theme
// does not turn on them.

const list = (words: string) => new Set(words.split(/\s+/).filter(Boolean));

/** By language; the order decides between two that explain a text equally well. */
export const STOP_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  en: list(`a about after all also am an and any are as at be because been before being but by can could did do
    does doing don't for from get got had has have having he her here him his how i i'd i'll i'm i've if in into
    is isn't it it's its just like me more most much my no not of on one only or other our out over own really
    she should so some such than that that's the their them then there these they this those through to too up
    us very was we were what when where which while who why will with would you your`),
  de: list(`aber alle als am an auch auf aus bei bin bis bitte da damit dann das dass dem den der des die doch du
    ein eine einem einen einer eines er es etwas für habe haben hat hatte ich ihr im immer in ist ja kann kein
    keine können man mein mich mir mit muss nach nicht noch nur oder schon sehr sein sich sie sind so über um und
    uns unter vom von vor war was weil wenn wer werden wie wir wird wurde zu zum zur`),
  fr: list(`à ai ainsi au aussi aux avec avoir c'est ce ces cette dans de des du elle en est et être eu fait il
    ils j'ai je la le les leur lui ma mais me même mes mon n'est ne nous on ont ou où par pas peu peut plus pour
    qu'il que qui sa sans se ses si son sont sur ta te tes ton tout très tu un une vos votre vous y`),
  es: list(`a al algo como con cuando de del desde donde el ella ellos en entre era es esa ese eso esta está están
    este esto fue ha han hay la las le les lo los más me mi mis mucho muy nada ni no nos o para pero por porque
    puede que qué se ser si sí sin sobre son soy su sus también te tengo tiene todo tu un una uno y ya yo`),
  pt: list(`a ao aos as até com como da das de dela dele do dos e é ela ele em entre era essa esse esta está este
    eu foi há isso isto já lhe mais mas me mesmo meu minha muito na não nas nem no nos o os ou para pela pelo por
    pode porque quando que quem se sem ser seu sua são só também te tem ter tudo um uma você`),
  it: list(`a ai al alla anche che chi ci come con cui da dal dalla dei del della di e è ed era gli ha hanno ho i
    il in io l la le lo loro ma mi mia mio molto ne nel nella noi non o per perché più può quando questa questo
    se sei si sono su sua suo tra tu tutto un una uno`),
  zh: list(`的 了 是 我 你 他 她 它 我们 你们 他们 在 有 和 与 或 也 都 就 还 很 太 更 最 不 没 没有 吗 呢 吧 啊
    这 那 这个 那个 这些 那些 一个 一些 一下 一点 个 把 被 给 对 从 到 为 以 上 下 里 中 会 能 可以 要 想 让 用 时
    时候 什么 怎么 因为 所以 但 但是 如果 而 而且 着 过 得 地 非常 比较 有点 希望 觉得 感觉 请 能够 已经 以及 等`),
  ja: list(`が の を に は へ と で も や か な ね よ わ て た だ です ます でし まし た ない なく なっ なる ある あり
    あっ いる い いう こと もの ため よう ので から まで より など けど けれど でも しかし そして また その この あの
    それ これ する し さ せ れ れる られ られる く て い たい ください ほしい 欲しい とても もっと 少し 思い 思う 私
    さん 的 とき 時 ば なら だっ って という にくい やすい すぎ すぎる`),
  ko: list(`그 이 저 것 수 등 더 좀 잘 못 안 너무 정말 매우 아주 많이 조금 그리고 그런데 하지만 그래서 또 또는
    때 때문 때문에 있는 있어요 있습니다 없는 없어요 없습니다 같아요 같습니다 합니다 해요 하는 하고 해서 했어요
    됩니다 돼요 되는 되어 주세요 좋겠어요 좋겠습니다 제 저는 내 나는 우리`),
  th: list(`ที่ และ ใน ของ เป็น มี ได้ ไม่ ให้ ว่า จะ กับ แต่ หรือ ก็ นี้ นั้น มาก เลย แล้ว อยู่ ไป มา จาก โดย เพื่อ
    คือ ถ้า เมื่อ ต้อง อยาก ควร ยัง ๆ ครับ ค่ะ คะ นะ ผม ฉัน เรา คุณ เขา มัน กว่า ขึ้น ลง ทำ ใช้ ความ การ น่า อะไร`),
};
