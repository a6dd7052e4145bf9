// The demo shop: every click is one call to `tidemark`, and the panel shows the answer's `me`.
// Invariant: nothing here knows more than the public web key may; no key but the page's is used.
const PRODUCTS = [
  { id: 'lamp', category: 'light', price: 48, hue: 42, name: { en: 'Storm lantern', zh: '防风提灯' } },
  { id: 'kettle', category: 'kitchen', price: 36, hue: 12, name: { en: 'Copper kettle', zh: '铜水壶' } },
  { id: 'chart', category: 'paper', price: 18, hue: 205, name: { en: 'Tide chart 2027', zh: '2027 潮汐表' } },
  { id: 'jumper', category: 'wool', price: 89, hue: 225, name: { en: 'Fisherman’s jumper', zh: '渔夫毛衣' } },
  { id: 'rope', category: 'deck', price: 12, hue: 30, name: { en: 'Hemp rope, 10 m', zh: '麻绳 10 米' } },
  { id: 'mug', category: 'kitchen', price: 14, hue: 178, name: { en: 'Enamel mug', zh: '搪瓷杯' } },
];

const TEXT = {
  en: {
    skip: 'Skip to the goods',
    title: 'Click, and watch what the collector knows',
    lead: 'Every click is one event. It is stored, your traits are recomputed and your segments are right before the answer leaves. The panel shows exactly what that answer said.',
    goods: 'The goods',
    you: 'You, right now',
    name: 'Your name',
    signIn: 'Sign in',
    signOut: 'Sign out and become a stranger',
    segments: 'Segments',
    traits: 'Computed traits',
    log: 'What just happened',
    note: 'Only definitions with expose: "public" reach a page. The admin key never does.',
    waiting: 'Waiting for the first answer…',
    none: 'None yet',
    buy: 'Buy',
    look: 'Look at',
    stranger: 'A stranger on this device',
    blocked:
      'The Tidemark script did not load. Is the collector running, and does a content blocker hold it back?',
    'shop.new_here': 'New here',
    'shop.hesitating': 'Hesitating',
    'shop.customer': 'Customer',
    'shop.regular': 'Regular',
    'shop.big_spender': 'Big spender',
    'shop.known': 'Signed in',
    'shop.unhappy_customer': 'Unhappy customer',
    'shop.orders': 'Orders',
    'shop.spent': 'Spent',
    'shop.viewed': 'Products viewed',
    'shop.favourite': 'Favourite category',
    'shop.last_bought': 'Last bought',
  },
  zh: {
    skip: '跳到商品',
    title: '点一下，看看采集器知道什么',
    lead: '每次点击都是一个事件。回答发出之前，事件已入库，特征已重算，分群已正确。右侧面板显示的正是这次回答的内容。',
    goods: '商品',
    you: '此刻的你',
    name: '你的名字',
    signIn: '登录',
    signOut: '退出，变回陌生人',
    segments: '分群',
    traits: '计算特征',
    log: '刚刚发生',
    note: '只有 expose 为 "public" 的定义会到达页面，管理密钥永远不会。',
    waiting: '等待第一次回答……',
    none: '暂无',
    buy: '购买',
    look: '查看',
    stranger: '这台设备上的陌生人',
    blocked: 'Tidemark 脚本没有加载。采集器在运行吗？是否被内容拦截器挡住了？',
    'shop.new_here': '新访客',
    'shop.hesitating': '犹豫中',
    'shop.customer': '顾客',
    'shop.regular': '常客',
    'shop.big_spender': '高消费',
    'shop.known': '已登录',
    'shop.unhappy_customer': '不满意的顾客',
    'shop.orders': '订单数',
    'shop.spent': '消费额',
    'shop.viewed': '看过的商品',
    'shop.favourite': '偏好类别',
    'shop.last_bought': '最近购买',
  },
};

let language = navigator.language.startsWith('zh') ? 'zh' : 'en';
/** The latest `me` of an answer, and the one before it. */
let me = null;
let before = null;

const byId = (id) => document.getElementById(id);
const t = (key) => TEXT[language][key] ?? key;

function element(tag, props = {}, ...children) {
  const node = Object.assign(document.createElement(tag), props);
  node.append(...children);
  return node;
}

/** A drawing for each product, so that the page needs no other file. */
function art({ id, hue }) {
  const shapes = {
    lamp: '<rect x="72" y="46" width="56" height="70" rx="12"/><path d="M84 46V30h32v16M100 30V18M100 62v36"/>',
    kettle: '<path d="M60 74h80l-8 44H68zM76 74a24 24 0 0 1 48 0M140 84l22-16"/>',
    chart:
      '<rect x="56" y="28" width="88" height="96" rx="6"/><path d="M66 86q11-18 22 0t22 0 22 0M66 104q11-18 22 0t22 0 22 0M66 46h68"/>',
    jumper: '<path d="M70 44l16-8q14 12 28 0l16 8 20 34-16 10-8-12v42H74V76l-8 12-16-10z"/>',
    rope: '<circle cx="100" cy="76" r="42"/><circle cx="100" cy="76" r="28"/><circle cx="100" cy="76" r="14"/>',
    mug: '<path d="M66 46h58v56a12 12 0 0 1-12 12H78a12 12 0 0 1-12-12zM124 60h12a10 10 0 0 1 10 10v10a10 10 0 0 1-10 10h-12"/>',
  };
  const holder = element('span');
  holder.innerHTML = `<svg class="art" viewBox="0 0 200 150" aria-hidden="true"><rect width="200" height="150" fill="hsl(${hue} 45% 88%)"/><g fill="none" stroke="hsl(${hue} 55% 32%)" stroke-width="5" stroke-linejoin="round" stroke-linecap="round">${shapes[id]}</g></svg>`;
  return holder.firstChild;
}

function facts(product) {
  return { product_id: product.id, name: product.name.en, category: product.category, price: product.price };
}

function log(call, detail) {
  const line = element('li', {}, element('b', { textContent: call }), ` ${detail}`);
  byId('log').prepend(line);
}

function look(product) {
  tidemark.track('Product Viewed', facts(product));
  log('track', `Product Viewed · ${product.name[language]}`);
  tidemark.flush();
}

function buy(product) {
  tidemark.track('Order Completed', { ...facts(product), revenue: product.price, currency: 'EUR' });
  log('track', `Order Completed · ${product.name[language]} · €${product.price}`);
  tidemark.flush();
}

function drawProducts() {
  const cards = PRODUCTS.map((product) => {
    const name = product.name[language];
    const lookButton = element(
      'button',
      { type: 'button', className: 'look', onclick: () => look(product) },
      art(product),
    );
    lookButton.setAttribute('aria-label', `${t('look')}: ${name}`);
    const buyButton = element('button', {
      type: 'button',
      className: 'buy',
      textContent: t('buy'),
      onclick: () => buy(product),
    });
    buyButton.setAttribute('aria-label', `${t('buy')}: ${name}, €${product.price}`);
    const text = element(
      'div',
      { className: 'text' },
      element('strong', { textContent: name }),
      element('small', { textContent: product.category }),
    );
    const foot = element(
      'div',
      { className: 'foot' },
      element('span', { className: 'price', textContent: `€${product.price}` }),
      buyButton,
    );
    return element('li', { className: 'card' }, lookButton, text, foot);
  });
  byId('products').replaceChildren(...cards);
}

function drawMe() {
  const segments = me?.segments ?? [];
  const fresh = segments.filter((key) => !before?.segments.includes(key));
  const chips = segments.map((key) =>
    element('li', { textContent: t(key), className: before && fresh.includes(key) ? 'new' : '' }),
  );
  const empty = element('li', { className: 'empty', textContent: t(me ? 'none' : 'waiting') });
  byId('segments').replaceChildren(...(chips.length > 0 ? chips : [empty]));
  const rows = Object.entries(me?.computed ?? {}).flatMap(([key, value]) => {
    const shown = value === null ? '–' : key === 'shop.spent' ? `€${value}` : String(value);
    const changed = before !== null && before.computed[key] !== value;
    return [
      element('dt', { textContent: t(key) }),
      element('dd', { textContent: shown, className: changed ? 'new' : '' }),
    ];
  });
  byId('traits').replaceChildren(...rows);
}

function drawWho() {
  const user = window.tidemark?.user?.() ?? { userId: null, anonymousId: '' };
  const known = user.userId !== null && user.userId !== undefined;
  byId('who').replaceChildren(
    known ? String(user.traits?.name ?? user.userId) : t('stranger'),
    element('br'),
    element('code', { textContent: known ? user.userId : (user.anonymousId ?? '') }),
  );
  byId('sign-in').hidden = known;
  byId('sign-out').hidden = !known;
}

function drawText() {
  document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
  for (const node of document.querySelectorAll('[data-text]')) node.textContent = t(node.dataset.text);
  byId('language').textContent = language === 'zh' ? 'English' : '中文';
  byId('language').lang = language === 'zh' ? 'en' : 'zh-CN';
}

function draw() {
  drawText();
  drawProducts();
  drawMe();
  drawWho();
}

function start() {
  tidemark.on('me', (next) => {
    before = me;
    me = next;
    drawMe();
  });
  drawWho();
  tidemark.track('Shop Opened');
  log('page', location.pathname);
  tidemark.flush();
}

byId('language').onclick = () => {
  language = language === 'zh' ? 'en' : 'zh';
  draw();
};
byId('sign-in').onsubmit = (event) => {
  event.preventDefault();
  const name = byId('name').value.trim();
  if (name === '') return;
  // A demo has no accounts: the name is the id, so that the same name on another device is the same person.
  tidemark.identify(`demo-${name.toLowerCase()}`, { name });
  log('identify', name);
  tidemark.flush();
  drawWho();
};
byId('sign-out').onclick = () => {
  tidemark.reset();
  me = null;
  before = null;
  log('reset', '');
  tidemark.track('Shop Opened');
  tidemark.flush();
  draw();
};

draw();
const script = document.querySelector('script[data-write-key]');
if (window.tidemark?.track) start();
else {
  script.addEventListener('load', start);
  script.addEventListener('error', () =>
    byId('segments').replaceChildren(element('li', { className: 'empty', textContent: t('blocked') })),
  );
}
